// Signs in; asks for a code where the account has a second factor.
"use strict";

const code = byId("code");
const org = byId("sso").querySelector("input");
org.value = localStorage.getItem("organisation") ?? "default";

byId("sso").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = org.value.trim();
  localStorage.setItem("organisation", name);
  location.replace(`/login/sso/${encodeURIComponent(name)}`);
});

onSubmit(byId("sign-in"), async ({ email, password, code: typed }) => {
  let answer;
  try {
    answer = await send("POST", "/session", typed ? { email, password, code: typed } : { email, password });
  } catch (error) {
    if (error.parameter !== "code" || !code.hidden) throw error;
    code.hidden = false;
    code.querySelector("input").focus();
    return;
  }
  if (answer.needs_second_factor) location.replace("/account");
  else location.replace(sessionStorage.getItem("invitation") ? "/invite" : "/");
});
