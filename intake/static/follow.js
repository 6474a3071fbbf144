// Moves what a mailed link carries after its # into the form, and out of the address bar and the history.
(() => {
  const form = document.getElementById("formular");
  const take = () => {
    const carried = location.hash.slice(1).toUpperCase();
    if (!/^([2-9A-Z]{4}-?[2-9A-Z]{4}\.)?([2-9A-Z]{4}-?){4}$/.test(carried)) return;
    history.replaceState(null, "", location.pathname + location.search);
    const code = form.elements.code;
    const reference = form.elements.reference;
    const parts = carried.split(".");
    code.value = parts.pop();
    // An address is confirmed by the person's own press: what opens links by itself must not do it.
    if (!reference || !parts.length) return;
    reference.value = parts[0];
    // A link of somebody else's must not put their matter in place of the one that is open here.
    if (!document.querySelector(".notice a")) form.requestSubmit();
  };
  if (!form?.elements.code) return;
  addEventListener("hashchange", take);
  take();
})();
