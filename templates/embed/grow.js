/* In the frame: tells the page around it how high this page is, and nothing else. */
let isNew = true;
new ResizeObserver(() => {
  parent.postMessage({ optinHeight: document.body.offsetHeight, optinIsNew: isNew }, "*");
  isNew = false;
}).observe(document.body);
