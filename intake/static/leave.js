// Leaves the page at once: by the button, or by Shift three times with no other key between.
(() => {
  const form = document.getElementById("lamna");
  const { target, title } = form.dataset;
  let shifts = 0;
  const leave = () => {
    document.body.hidden = true;
    document.title = title;
    // What is under way might otherwise bring its cookie back.
    stop();
    const go = () => location.replace(target);
    setTimeout(go, 1000);
    fetch(form.action, { method: "POST", keepalive: true }).then(go, go);
  };
  form.addEventListener("submit", (event) => { event.preventDefault(); leave(); });
  addEventListener("keydown", (event) => {
    if (event.repeat) return;
    shifts = event.key === "Shift" ? shifts + 1 : 0;
    if (shifts === 3) leave();
  });
  addEventListener("pointerdown", () => { shifts = 0; });
  // A page that the browser kept in memory is asked for anew, and then shows nothing.
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
})();
