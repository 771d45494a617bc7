// The position of the phone goes into the form of the photos when its button is pressed, and only then.
(() => {
  "use strict";
  const button = document.querySelector("[data-locate]");
  if (!button || !navigator.geolocation) return;
  const form = button.closest("form");
  const said = form.querySelector("[data-located]");
  button.hidden = false;
  button.addEventListener("click", () => {
    said.textContent = button.dataset.waiting;
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        form.elements.latitude.value = coords.latitude.toFixed(6);
        form.elements.longitude.value = coords.longitude.toFixed(6);
        said.textContent = `${button.dataset.done} ${form.elements.latitude.value}, ${form.elements.longitude.value}`;
      },
      () => { said.textContent = button.dataset.failed; },
      { enableHighAccuracy: true, timeout: 15000, maximumAge: 60000 },
    );
  });
})();
