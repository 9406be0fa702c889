// The desk is complete without this script. It adds keys: "/" goes to the search field.
"use strict";
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (document.body.dataset.shortcuts === "off") return; // as the account says
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    const search = document.querySelector("[data-search]");
    if (search) { event.preventDefault(); search.focus(); }
  }
});
// The editor: the preview follows what is typed, Ctrl+S saves, a picture can be dropped on the text.
const editor = document.querySelector("[data-editor]");
if (editor) {
  let waiting = 0;
  const preview = document.querySelector("[data-preview]");
  editor.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => editor.requestSubmit(preview), 900);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "s" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      editor.requestSubmit(document.querySelector("[data-save]"));
    }
  });
  const pictures = document.querySelector("[data-pictures]");
  const text = document.querySelector("[data-drop]");
  text.addEventListener("drop", async (event) => {
    const file = event.dataTransfer.files[0];
    if (!file) return;
    event.preventDefault();
    const form = new FormData(pictures);
    form.set("picture", file);
    const answer = await fetch(pictures.action, { method: "POST", body: form, headers: { accept: "text/plain" } });
    const type = answer.headers.get("content-type") || "";
    if (answer.ok && type.startsWith("text/plain")) {
      text.setRangeText(`![](${await answer.text()})`, text.selectionStart, text.selectionEnd, "end");
      text.dispatchEvent(new Event("input", { bubbles: true }));
    } else {
      pictures.scrollIntoView();
      pictures.querySelector("input[type=file]").focus();
    }
  });
}
