// Makes the owner, with the token of the link.
"use strict";

const token = takeToken();

onSubmit(byId("set-up"), async ({ email, name, password }) => {
  await send("POST", "/setup", { token, email, name, password });
  location.replace("/");
});
