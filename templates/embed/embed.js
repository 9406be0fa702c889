/* On a page that shows forms of optin: gives each frame the height that the page in it tells. */
{
  const forms = () => document.querySelectorAll("iframe[data-optin]");
  addEventListener("message", (told) => {
    const height = Math.min(Number(told.data?.optinHeight), 6000);
    const frame = height > 0 && [...forms()].find((it) => it.contentWindow === told.source);
    if (!frame) return;
    told.stopImmediatePropagation(); /* this script may stand on a page twice */
    frame.style.height = `${height}px`;
    const answered = told.data.optinIsNew && frame.dataset.optin; /* not the first page in it */
    if (answered && frame.getBoundingClientRect().top < 0) frame.scrollIntoView();
    frame.dataset.optin = "seen";
  });
  /* what was there before this script has told nobody */
  for (const frame of forms()) frame.contentWindow?.postMessage("optinHeight", "*");
}
