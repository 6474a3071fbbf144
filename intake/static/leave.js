// Leaves the page at once: by the button, or by Shift three times with no other key between.
(() => {
  const form = document.getElementById("lamna");
  let shifts = 0;
  form.addEventListener("submit", () => { document.body.hidden = true; });
  addEventListener("keydown", (event) => {
    if (event.repeat) return;
    shifts = event.key === "Shift" ? shifts + 1 : 0;
    if (shifts === 3) form.requestSubmit();
  });
  addEventListener("pointerdown", () => { shifts = 0; });
  // A page that the browser kept in memory is asked for anew, and then shows nothing.
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
})();
