// Tells every ten seconds what the person does with the matter, while its page is seen, and shows who else is there.
(() => {
  const told = document.getElementById("narvaro"), { to, token } = told.dataset;
  const fields = [...document.querySelectorAll("form[action$='/svara'] textarea")];
  const isWriting = () => fields.some((each) => each === document.activeElement || each.value !== each.defaultValue);
  let wasWriting = false;

  // What has not changed is not said again.
  const show = (words) => { if (told.textContent !== words) told.textContent = words; };

  const tell = async () => {
    if (document.hidden) return;
    wasWriting = isWriting();
    const body = new URLSearchParams({ csrf_token: token, ...(wasWriting && { is_writing: "y" }) });
    try {
      const answer = await fetch(to, { method: "POST", body, redirect: "error" });
      if (answer.ok) return show((await answer.json()).words);
      // Signed out, or the matter is somewhere else: there is no more to ask.
      if (answer.status < 500) clearInterval(timer);
    } catch { /* A line that is down is asked again. */ }
    show("");
  };

  const timer = setInterval(tell, 10000);
  addEventListener("focusin", () => { if (isWriting() !== wasWriting) tell(); });
  addEventListener("visibilitychange", tell);
})();
