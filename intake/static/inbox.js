// Tells when something new has come to the inbox; rows never move by themselves.
(() => {
  "use strict";
  const EVERY = 15000;
  const line = document.querySelector("[data-news]");
  if (!line) return;
  const show = (words) => {
    if (line.dataset.said === words) return;
    line.dataset.said = words;
    const link = document.createElement("a");
    link.href = line.dataset.again;
    link.textContent = "Visa";
    line.replaceChildren(words + ". ", link);
  };
  const ask = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(line.dataset.news, { headers: { Accept: "application/json" } });
      if (!answer.ok || answer.redirected) return;
      const told = await answer.json();
      if (told.new > 0) show(told.words);
    } catch {
      // The line is down, or the session over: the next page tells.
    }
  };
  setInterval(ask, EVERY);
  document.addEventListener("visibilitychange", ask);
})();
