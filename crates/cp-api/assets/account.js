// One's own account: sessions, password, second factor.
"use strict";

const time = (text) => new Date(text).toLocaleString();

function fail(error) {
  if (error.status === 401) location.replace("/login");
  else say(byId("failure"), error.message);
}

function row(session) {
  const tr = document.createElement("tr");
  for (const text of [time(session.last_seen_at), time(session.created_at), session.address, session.user_agent]) {
    const td = document.createElement("td");
    td.textContent = text || "–";
    tr.append(td);
  }
  const td = document.createElement("td");
  if (session.is_current) {
    td.textContent = "this one";
  } else {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "End";
    button.addEventListener("click", () => send("DELETE", `/account/sessions/${session.id}`).then(load, fail));
    td.append(button);
  }
  tr.append(td);
  return tr;
}

async function load() {
  const account = await send("GET", "/account");
  say(byId("who"), `${account.person.name}, ${account.person.email}`);
  byId("sessions").replaceChildren(...account.sessions.map(row));
  const has = account.has_second_factor;
  say(byId("factor-state"), has ? "A code of your app is asked for when you sign in." : "No code is asked for when you sign in.");
  for (const node of document.querySelectorAll(".with-password")) {
    node.hidden = !account.has_password;
    for (const input of node.querySelectorAll("input")) input.required = account.has_password;
  }
  const current = account.sessions.find((session) => session.is_current);
  byId("show-factor").hidden = !has || !current || current.has_second_factor;
  byId("begin-factor").hidden = has || !byId("confirm-factor").hidden;
  byId("remove-factor").hidden = !has;
}

byId("sign-out").addEventListener("click", () => send("DELETE", "/session").then(() => location.replace("/login"), fail));
byId("everywhere").addEventListener("click", () =>
  send("DELETE", "/account/sessions").then(() => location.replace("/login"), fail));

onSubmit(byId("password"), async (fields) => {
  const form = byId("password");
  form.querySelector(".done").hidden = true;
  await send("PUT", "/account/password", { current: fields.current, new: fields.new });
  form.reset();
  form.querySelector(".done").hidden = false;
  await load();
});

onSubmit(byId("show-factor"), async ({ code }) => {
  await send("POST", "/session/second-factor", { code });
  byId("show-factor").reset();
  await load();
});

onSubmit(byId("begin-factor"), async ({ password }) => {
  const enrolment = await send("POST", "/account/second-factor", { password });
  byId("begin-factor").reset();
  byId("picture").src = `data:image/svg+xml,${encodeURIComponent(enrolment.picture)}`;
  byId("secret").textContent = enrolment.secret;
  byId("confirm-factor").hidden = false;
  await load();
});

onSubmit(byId("confirm-factor"), async ({ code }) => {
  const { codes } = await send("POST", "/account/second-factor/confirm", { code });
  byId("confirm-factor").hidden = true;
  byId("confirm-factor").reset();
  byId("recovery-codes").textContent = codes.join("\n");
  byId("recovery").hidden = false;
  await load();
});

onSubmit(byId("remove-factor"), async ({ password }) => {
  await send("POST", "/account/second-factor/remove", { password });
  byId("remove-factor").reset();
  byId("recovery").hidden = true;
  await load();
});

load().catch(fail);
