// Saves what is filled in, on the server alone.
(() => {
  const form = document.getElementById("formular"), told = document.getElementById("sparat");
  const { to, saved, away, failed } = told.dataset;
  // What has faults is not kept yet.
  let typed = document.querySelector(".summary") ? 1 : 0, kept = 0, isCalm, isWarned, timer, flight;

  // Trouble is news, seen while one writes.
  const tell = (words, look) => {
    told.ariaLive = isCalm && !look ? "off" : "polite";
    told.textContent = words;
    told.className = look;
    isCalm = !look;
  };
  const later = (wait) => { clearTimeout(timer); timer = setTimeout(save, wait); };

  const save = async (isLast) => {
    if (typed === kept) return;
    flight?.abort();
    const mine = flight = new AbortController(), now = typed, body = new FormData(form);
    setTimeout(() => mine.abort(), 15000);
    // At most 64 KiB outlive a page.
    const keepalive = isLast === 1 && `${[...body.values()]}`.length < 20000;
    try {
      const answer = await fetch(to, { method: "POST", body, keepalive, signal: mine.signal, redirect: "error" });
      if (answer.status !== 204) throw answer;
      kept = now;
      tell(saved.replace("{}", answer.headers.get("Saved-At")), "");
    } catch (trouble) {
      if (mine !== flight) return;
      tell(trouble.status ? failed : away, "news");
      // A page sent since says more.
      if (trouble.status !== 409) later(10000);
    }
  };

  const note = ({ target, type }) => {
    if (target.form === form && /text|mail|tel/.test(target.type) === (type === "input")) later(++typed % 50 ? 2000 : 0);
  };
  addEventListener("input", note);
  addEventListener("change", note);
  // The page's own sending carries it all.
  addEventListener("submit", (event) => {
    if (!navigator.onLine && event.target === form) {
      event.preventDefault();
      // To be saved, and so told, once back.
      typed++;
      return tell(away, "news");
    }
    kept = typed;
    flight = flight?.abort();
  });
  addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (typed === kept || link?.origin !== location.origin || link.hash || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    Promise.race([save(), new Promise((go) => setTimeout(go, 1500))]).then(() => {
      if (typed === kept || isWarned) location = link.href;
      isWarned = 1;
      told.scrollIntoView();
    });
  });
  addEventListener("online", save);
  addEventListener("pagehide", () => save(1));
  addEventListener("visibilitychange", () => save(1));
})();
