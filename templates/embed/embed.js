/* On a page that shows forms of optin: gives each frame the height that the page in it tells. */
addEventListener("message", ({ data, source }) => {
  const height = Math.min(Number(data?.optinHeight), 6000);
  if (!(height > 0)) return;
  for (const frame of document.querySelectorAll("iframe[data-optin]")) {
    if (frame.contentWindow !== source) continue;
    frame.style.height = `${height}px`;
    const answered = data.optinIsNew && frame.dataset.optin; /* not the first page in it */
    if (answered && frame.getBoundingClientRect().top < 0) frame.scrollIntoView();
    frame.dataset.optin = "seen";
  }
});
