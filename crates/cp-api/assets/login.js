// Signs in; asks for a code where the account has a second factor.
"use strict";

const code = byId("code");

onSubmit(byId("sign-in"), async ({ email, password, code: typed }) => {
  try {
    await send("POST", "/session", typed ? { email, password, code: typed } : { email, password });
  } catch (error) {
    if (error.parameter !== "code" || !code.hidden) throw error;
    code.hidden = false;
    code.querySelector("input").focus();
    return;
  }
  location.replace(sessionStorage.getItem("invitation") ? "/invite" : "/");
});
