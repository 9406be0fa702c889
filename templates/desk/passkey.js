/* Passkeys need this script; a form of theirs is hidden where it does not run. It asks the desk what is to be
   signed, lets the browser sign it, and posts the answer with the form. Where the desk asks for a sign-in first,
   the form goes without an answer, and so shows the page that asks. */
"use strict";
for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential || !PublicKeyCredential.parseRequestOptionsFromJSON) continue;
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const problem = form.querySelector("[data-problem]");
    const button = form.querySelector("button");
    problem.hidden = true;
    button.disabled = true; // a browser asks for one passkey at a time
    try {
      const asked = await fetch(form.dataset.passkey, {
        method: "POST",
        body: new URLSearchParams({ token: form.elements.token.value }),
        redirect: "manual",
      });
      if (asked.type === "opaqueredirect") return form.submit();
      if (!asked.ok) throw new Error(String(asked.status));
      const json = await asked.json();
      const credential = "user" in json
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(json) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(json) });
      form.elements.answer.value = JSON.stringify(credential.toJSON());
      form.submit();
    } catch {
      problem.hidden = false;
    } finally {
      button.disabled = false;
    }
  });
}
