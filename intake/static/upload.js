// Sends files in parts that may be cut off and go on. Nothing is stored in the browser: the page's list
// knows a file again.
(() => {
  const home = document.querySelector("[data-uploads]");
  // What is older than this keeps the plain form.
  if (!home || !AbortSignal.timeout) return;
  const LEAST = 256 << 10, MOST = 8 << 20, SMALLEST = 128 << 10, AIM = 4000;
  const words = JSON.parse(home.dataset.words);
  const part = (name, within = home) => within.querySelector(`[data-${name}]`);
  const [choice, go] = ["choice", "go"].map((name) => part(name, document));
  const input = document.getElementById("files"), form = input.form, items = [];
  const tokenOf = (page) => page.querySelector("input[name=csrf_token]")?.value;
  let token = tokenOf(document), size = LEAST, most = MOST, reading = 0, isWorking = false, isWaiting = false;

  const base64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
  // There are digests only behind https.
  const digest = async (bytes) => (crypto.subtle ? base64(await crypto.subtle.digest("SHA-256", bytes)) : "");
  const bytesOf = (file, from, to) =>
    file.slice(from, to).arrayBuffer().catch(() => {
      throw { text: words.unreadable, isLost: true };
    });
  const printOf = async (file) => {
    const begins = await digest(await bytesOf(file, 0, 64 << 10));
    return [file.size, file.lastModified, begins, file.name.slice(0, 100)].join("|");
  };
  const isSame = ({ print, state }, other) => {
    const [a, b] = [print, other].map((each) => each.split("|"));
    const [isSize, isDate, isBegun, isName] = a.map((value, at) => value === b[at]);
    // A phone may date the same picture anew each time, or name it anew.
    return isSize && isBegun && (a[2] ? isName || (isDate && state === "waiting") : isName && isDate);
  };

  // What is not seen in a name, or turns it around, is neither shown nor said; the server has it whole.
  const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;
  const plain = ({ name }) => name.replace(UNSEEN, "");
  const percent = (item) => Math.floor((100 * item.offset) / (item.size || 1));
  const filled = (text, values) => text.replace(/{(\w+)}/g, (_, key) => values[key]);
  const say = (text) => { part("status").textContent = text; };
  const isActive = (item) => ["queued", "going", "trouble", "leaving"].includes(item.state);
  const isLeaving = (item) => item.state === "leaving";
  const left = () => items.filter(isActive).length + reading;
  const inDigits = (bytes) => {
    const [number, unit] = bytes <= 999 << 10 ? [Math.ceil(bytes / 1024), "kilobyte"] : [bytes / (1 << 20), "megabyte"];
    return number.toLocaleString(document.documentElement.lang, { style: "unit", unit, maximumFractionDigits: 1 });
  };
  const hide = (name, isHidden, within) => part(name, within)?.toggleAttribute("hidden", isHidden);

  function show(item, state, text, isAloud = true) {
    const { element } = item, shown = filled(text, { percent: percent(item) });
    item.state = element.dataset.state = state;
    part("says", element).textContent = shown;
    part("bar", element).value = percent(item);
    hide("bar", state === "done" || state === "failed", element);
    hide("way", state !== "failed", element);
    hide("again", state !== "trouble" && (state !== "failed" || item.isFinal), element);
    hide("remove", state === "leaving", element);
    if (isAloud) say(`${item.name}: ${shown}`);
  }

  function fail(item, { text, address, isFinal, isLost }) {
    item.isFinal = isFinal;
    show(item, isLost ? "waiting" : "failed", text || words.failed);
    const [before, after] = words.mail.split("{address}"), link = document.createElement("a");
    link.href = `mailto:${address}?subject=${encodeURIComponent(words.subject)}`;
    link.textContent = address;
    part("way", item.element).replaceChildren(...(address ? [before, link, after] : []));
    stay();
  }

  function complain(text) {
    part("wrong").textContent = text;
    hide("wrong", false);
    say(text);
    stay();
  }

  function follow(element, values) {
    const item = { element, tries: 0, ...values };
    part("again", element).onclick = () => (item.state === "failed" ? queue(item) : wake());
    part("remove", element)?.addEventListener("click", () => remove(item));
    items.push(item);
    return item;
  }

  function add(file, print) {
    const element = part("row").content.firstElementChild.cloneNode(true), name = plain(file);
    for (const place of element.querySelectorAll(".name")) place.textContent = name;
    part("digits", element).textContent = `(${inDigits(file.size)})`;
    part("bar", element).setAttribute("aria-label", name);
    part("list").append(element);
    hide("some", false);
    return follow(element, { print, name, size: file.size, offset: 0 });
  }

  async function once(method, address, headers, body) {
    headers = { "Tus-Resumable": "1.0.0", "X-CSRFToken": token, ...headers };
    try {
      return await fetch(address, { method, headers, body, redirect: "manual", signal: AbortSignal.timeout(90000) });
    } catch (fault) {
      return fault.name === "TimeoutError" ? new Response(null, { status: 408 }) : Response.error();
    }
  }

  const offsetOf = (answer) => +answer.headers.get("Upload-Offset");
  // What is refused at the beginning is for the person to read; later it is waited out.
  const isPassing = ({ type, status }, method) =>
    type === "error" || [403, 408, 423, 460].includes(status) ||
    (method === "POST" ? [500, 502, 504].includes(status) : status === 429 || status >= 500);

  async function ask(item, method, address, headers) {
    for (;;) {
      const answer = await once(method, address, headers);
      if (!isPassing(answer, method)) return answer;
      await rest(item, answer);
    }
  }

  const wake = () => dispatchEvent(new Event("online"));

  // Never gives up: a cut line, a restart and a full disk all pass.
  async function rest(item, answer) {
    const asked = 1000 * answer.headers.get("Retry-After") || 0;
    const pause = Math.min(Math.max(asked, 500 * 2 ** item.tries++), 30000) * (0.75 + Math.random() / 2);
    if (item.tries === 2 && item.state === "going") show(item, "trouble", words.trouble);
    if (answer.status === 403) {
      const page = await once("GET", location.pathname);
      token = tokenOf(new DOMParser().parseFromString(await page.text(), "text/html")) || token;
    }
    await new Promise((done) => {
      addEventListener("online", done, { once: true });
      setTimeout(done, pause);
    });
  }

  const refusal = async (answer) => {
    const told = await answer.json().catch(() => ({}));
    return { text: told.message, address: told.address, isFinal: [400, 413, 415].includes(answer.status) };
  };

  async function create(item) {
    const about = { filename: item.file.name, filetype: item.file.type, fingerprint: item.print };
    const pairs = Object.entries(about).map(([key, is]) => `${key} ${base64(new TextEncoder().encode(is))}`);
    const headers = { "Upload-Length": item.size, "Upload-Metadata": pairs.join() };
    const answer = await ask(item, "POST", home.dataset.uploads, headers);
    if (answer.status !== 201) throw await refusal(answer);
    item.address = new URL(answer.headers.get("Location"), location).pathname;
  }

  async function locate(item) {
    const answer = await ask(item, "HEAD", item.address);
    if (!answer.ok) {
      item.address = "";
      item.offset = 0;
      throw { text: words.gone };
    }
    item.offset = offsetOf(answer);
  }

  async function send(item) {
    const before = percent(item), began = performance.now();
    const bytes = await bytesOf(item.file, item.offset, item.offset + size), sum = await digest(bytes);
    const answer = await once("PATCH", item.address, {
      "Content-Type": "application/offset+octet-stream",
      "Upload-Offset": item.offset,
      ...(sum && { "Upload-Checksum": `sha256 ${sum}` }),
    }, bytes);
    if (answer.status === 204) {
      item.offset = offsetOf(answer);
      // A file's short end says nothing of the line.
      const fit = size * Math.min(2, bytes.byteLength < size ? 1 : AIM / (performance.now() - began));
      size = Math.floor(Math.min(most, Math.max(fit, LEAST)));
      // Only a part that came through ends the trouble.
      const isNews = item.state === "trouble" || [25, 50, 75].some((each) => before < each && percent(item) >= each);
      item.tries = 0;
      return isLeaving(item) || show(item, "going", words.going, isNews && item.offset < item.size);
    }
    const isTooMuch = answer.status === 413 || answer.status === 408;
    if (isTooMuch && size > SMALLEST) most = size = Math.max(SMALLEST, size >> 1);
    else if (answer.status !== 409 && !isPassing(answer)) throw await refusal(answer);
    await rest(item, answer);
    await locate(item);
  }

  async function carry(item) {
    const isBegun = item.address;
    try {
      show(item, "going", words.start, !isBegun);
      await (isBegun ? locate(item) : create(item));
      if (isBegun && !isLeaving(item)) show(item, "going", words.again);
      while (item.offset < item.size && !isLeaving(item)) await send(item);
      if (!isLeaving(item)) show(item, "done", words.done);
    } catch (fault) {
      if (!isLeaving(item)) fail(item, fault);
    }
  }

  // One at a time, so that what came first is safe first.
  async function work() {
    if (isWorking) return;
    isWorking = true;
    for (let item; (item = items.find(({ state }) => state === "queued")); ) await (item.carried = carry(item));
    isWorking = false;
    onward();
  }

  function queue(item) {
    show(item, "queued", words.queued, false);
    work();
  }

  async function remove(item) {
    show(item, "leaving", words.leaving);
    wake();
    await item.carried;
    const answer = item.address && (await ask(item, "DELETE", item.address));
    if (answer && answer.status !== 204 && answer.status !== 404) return fail(item, await refusal(answer));
    items.splice(items.indexOf(item), 1);
    item.element.remove();
    hide("some", !part("list").children.length);
    say(filled(words.removed, item));
    input.focus();
    onward();
  }

  async function pick(files) {
    hide("wrong", true);
    for (const file of files) {
      reading++;
      await printOf(file).then((print) => take(file, print)).catch(({ text }) => complain(`${plain(file)}: ${text}`));
      reading--;
    }
    onward();
  }

  function take(file, print) {
    const item = items.find((each) => isSame(each, print)), shown = { name: plain(file) };
    if (!item && !part("row")) return complain(filled(words.other, shown));
    if (item && (isActive(item) || item.state === "done")) return complain(filled(words.already, shown));
    queue(Object.assign(item || add(file, print), { file }));
  }

  function stay() {
    isWaiting = false;
    if (choice) choice.hidden = true;
  }

  function onward() {
    if (!isWaiting || left()) return;
    stay();
    form.requestSubmit(go);
  }

  if (choice) {
    part("stay", choice).onclick = () => { stay(); go.focus(); };
    form.onsubmit = (event) => {
      if (!left() || event.submitter === part("now", choice)) return;
      event.preventDefault();
      isWaiting = true;
      part("choice-words", choice).textContent = filled(left() > 1 ? words.many : words.one, { count: left() });
      choice.hidden = false;
      choice.focus();
    };
  }

  for (const element of home.querySelectorAll("li[data-at]")) {
    const { at, print, file, total, offset } = element.dataset;
    const item = follow(element, { address: at, print, name: file, size: +total, offset: +offset });
    if (item.offset === item.size) show(item, "done", words.done, false);
    else show(item, "waiting", words.choose, false);
  }
  for (const other of document.querySelectorAll("[data-plain], [data-scripted]")) other.hidden = !other.hidden;
  input.onchange = () => {
    const files = [...input.files];
    input.value = "";
    pick(files);
  };
  input.onchange();
})();
