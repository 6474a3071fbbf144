// Single keys: each presses what says so by data-key; j and k move the focus along the rows of data-rows.
(() => {
  if (document.body.dataset.keys !== "on") return;
  const ROW = "[data-rows] > *";
  let marked;
  const row = () => document.activeElement.closest(ROW) || (marked?.isConnected && marked);
  const link = (its) => its.querySelector("a[href]");

  const move = (step) => {
    const rows = [...document.querySelectorAll(ROW)].filter(link), at = rows.indexOf(row());
    const next = rows[at < 0 ? 0 : at + step];
    if (!next) return;
    marked = next;
    link(next).focus();
  };

  // A field is written in, what is folded opens first, and all else is pressed.
  const press = (element) => {
    const folded = element.closest("details");
    if (folded) folded.open = true;
    const field = (which) => folded.querySelector(which);
    if (element.matches("summary")) (field("textarea") || field("select, input:not([type=hidden])") || element).focus();
    else if (element.matches("input, textarea, select")) element.focus();
    else element.click();
  };

  const help = async (way) => {
    const answer = await fetch(way.href, { redirect: "error" }).catch(() => 0);
    const sheet = answer.ok && new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("tangenter");
    if (!sheet) return (location = way.href);
    const [dialog, title, close] = ["dialog", "h2", "button"].map((name) => document.createElement(name));
    dialog.className = "help";
    dialog.ariaLabel = title.textContent = way.textContent;
    close.textContent = way.dataset.close;
    close.onclick = () => dialog.close();
    dialog.onclose = () => dialog.remove();
    dialog.append(title, sheet, close);
    document.body.append(dialog);
    dialog.showModal();
  };

  const named = (key) =>
    [...document.querySelectorAll("[data-key]")].find((each) => {
      const its = each.closest(ROW);
      return each.dataset.key === key && (!its || its === row());
    });

  addEventListener("keydown", (event) => {
    const { key, target, isComposing, repeat, ctrlKey, altKey, metaKey, defaultPrevented } = event;
    if (ctrlKey || altKey || metaKey || isComposing || defaultPrevented || document.querySelector("dialog[open]")) return;
    // A box to tick takes no letters.
    if (target.isContentEditable || target.closest("input:not([type=checkbox]), textarea, select")) return;
    const step = { j: 1, k: -1 }[key], its = row(), element = named(key);
    if (step) move(step);
    else if (repeat) return;
    else if (key === "o" && its) link(its).click();
    else if (key === "x" && its) its.querySelector("input[type=checkbox]")?.click();
    else if (key === "?" && element) help(element);
    else if (element) press(element);
    else return;
    event.preventDefault();
  });

  for (const each of document.querySelectorAll("[data-key]")) each.setAttribute("aria-keyshortcuts", each.dataset.key);
})();
