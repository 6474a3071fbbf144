// Keeps what is written to a citizen as a draft by itself, and fetches a text to begin with without leaving the page.
(() => {
  const send = async (button, fields) => {
    const body = new FormData();
    body.set("tyst", "ja");
    body.set("csrf_token", button.form.elements.csrf_token.value);
    body.set("version", button.form.elements.version.value);
    for (const name of fields) body.set(name, button.form.elements[name].value);
    return fetch(button.formAction, { method: "POST", body, redirect: "error" });
  };

  const keep = (button) => {
    const name = button.dataset.draft, field = button.form.elements[name];
    const told = document.querySelector(`[data-told="${name}"]`);
    let kept = field.value, timer;
    const save = async () => {
      const now = field.value;
      if (now === kept) return;
      try {
        const answer = await send(button, [name]);
        if (answer.status !== 204) throw answer;
        kept = now;
        told.textContent = "Utkastet är sparat.";
      } catch {
        told.textContent = "Utkastet gick inte att spara. Det du skrev står kvar här.";
        clearTimeout(timer);
        timer = setTimeout(save, 20000);
      }
    };
    field.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(save, 3000);
      // Said again next time, so that it is read out again too.
      told.textContent = "";
    });
    // What is being sent is no draft any more.
    button.form.addEventListener("submit", () => clearTimeout(timer));
  };

  const begin = (button) => {
    const { text, template } = button.form.elements;
    button.addEventListener("click", async (event) => {
      event.preventDefault();
      if (!template.value) return template.focus();
      try {
        const answer = await send(button, ["template"]);
        if (!answer.ok) throw answer;
        const words = await answer.text();
        text.value = text.value.trim() ? `${text.value.trimEnd()}\n\n${words}` : words;
        text.dispatchEvent(new Event("input", { bubbles: true }));
        text.focus();
      } catch {
        document.querySelector('[data-told="text"]').textContent = "Texten gick inte att hämta. Försök igen.";
      }
    });
  };

  document.querySelectorAll("[data-draft]").forEach(keep);
  document.querySelectorAll('[data-fetch="text"]').forEach(begin);
})();
