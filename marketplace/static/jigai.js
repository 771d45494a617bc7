// Suggestions while typing, and a button for printing. Without this file every page works; it only saves typing.
(() => {
  "use strict";
  const WAIT_MS = 150;

  function attach(input) {
    const list = document.createElement("ul");
    list.className = "jg-suggest";
    list.id = `${input.id}-suggestions`;
    list.setAttribute("role", "listbox");
    list.hidden = true;
    input.after(list);
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-controls", list.id);
    input.setAttribute("aria-expanded", "false");
    input.autocomplete = "off";
    let timer = 0;
    let chosen = -1;
    let asked = 0;

    function close() {
      list.hidden = true;
      chosen = -1;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    }

    function take(word) {
      input.value = word;
      close();
      input.form.requestSubmit();
    }

    function show(words) {
      list.replaceChildren(
        ...words.map((word, place) => {
          const item = document.createElement("li");
          item.id = `${list.id}-${place}`;
          item.setAttribute("role", "option");
          item.setAttribute("aria-selected", "false");
          item.textContent = word;
          // The mouse must not take the focus from the input before the click counts.
          item.addEventListener("mousedown", (event) => event.preventDefault());
          item.addEventListener("click", () => take(word));
          return item;
        }),
      );
      chosen = -1;
      list.hidden = words.length === 0;
      input.setAttribute("aria-expanded", String(words.length > 0));
    }

    async function ask() {
      const text = input.value.trim();
      const number = ++asked;
      if (!text) return close();
      try {
        const answer = await fetch(`${input.dataset.suggest}?q=${encodeURIComponent(text.slice(0, 100))}`);
        // An answer that was overtaken by a later question is thrown away.
        if (answer.ok && number === asked) show(await answer.json());
      } catch {
        close();
      }
      return undefined;
    }

    function move(step) {
      const items = [...list.children];
      if (list.hidden || items.length === 0) return;
      items[chosen]?.setAttribute("aria-selected", "false");
      chosen = (chosen + step + items.length + (chosen < 0 && step < 0 ? 1 : 0)) % items.length;
      items[chosen].setAttribute("aria-selected", "true");
      input.setAttribute("aria-activedescendant", items[chosen].id);
    }

    input.addEventListener("input", (event) => {
      clearTimeout(timer);
      // While Chinese is being composed, the letters are not yet what is meant.
      if (!event.isComposing) timer = setTimeout(ask, WAIT_MS);
    });
    input.addEventListener("compositionend", () => { timer = setTimeout(ask, WAIT_MS); });
    input.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        move(event.key === "ArrowDown" ? 1 : -1);
      } else if (event.key === "Escape") {
        close();
      } else if (event.key === "Enter" && chosen >= 0) {
        event.preventDefault();
        take(list.children[chosen].textContent);
      }
    });
    input.addEventListener("blur", close);
  }

  document.querySelectorAll("input[data-suggest]").forEach(attach);

  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }
})();
