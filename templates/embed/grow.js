/* In the frame: tells the page around it how high this page is, and nothing else. */
let isNew = true;
const tell = () => {
  parent.postMessage({ optinHeight: document.body.offsetHeight, optinIsNew: isNew }, "*");
  isNew = false;
};
new ResizeObserver(tell).observe(document.body);
addEventListener("message", ({ data, source }) => {
  if (source === parent && data === "optinHeight") tell();
});
/* Browsers lead nobody to a mistake in the frame of another site by themselves. */
document.querySelector("[autofocus]")?.focus({ preventScroll: true });
