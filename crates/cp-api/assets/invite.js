// Shows what a link invites to, and takes it: as whoever is signed in, or with a new account. Whoever has to sign in
// first comes back here; the token waits in this tab alone.
"use strict";

const token = takeToken() || sessionStorage.getItem("invitation") || "";

async function signedInAs() {
  return send("GET", "/account").then((account) => account.person.email, () => null);
}

async function show() {
  const seen = await send("POST", "/invitation", { token });
  say(byId("about"), `${seen.invited_by} invites ${seen.email} to ${seen.org}, as ${seen.role}.`);
  if (!seen.has_account) {
    byId("sign-up").elements.email.value = seen.email;
    byId("sign-up").hidden = false;
    return;
  }
  const isThem = (await signedInAs()) === seen.email;
  byId("join").hidden = !isThem;
  byId("sign-in").hidden = isThem;
  sessionStorage.setItem("invitation", token);
}

function done() {
  sessionStorage.removeItem("invitation");
  location.replace("/");
}

onSubmit(byId("join"), async () => {
  await send("POST", "/invitation/accept", { token });
  done();
});

onSubmit(byId("sign-up"), async ({ name, password }) => {
  await send("POST", "/invitation/accept", { token, name, password });
  done();
});

show().catch((error) => {
  sessionStorage.removeItem("invitation");
  say(byId("about"), error.message);
});
