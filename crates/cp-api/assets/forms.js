// What the pages for people share: requests, and forms that send them. Answers go into the page as text, never as HTML.
"use strict";

const byId = (id) => document.getElementById(id);

class Problem extends Error {
  constructor(status, body) {
    super(body?.detail ?? `the server answered ${status}`);
    this.status = status;
    this.parameter = body?.parameter;
  }
}

async function send(method, path, body) {
  const request = { method, headers: { accept: "application/json" } };
  if (body !== undefined) {
    request.headers["content-type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  const response = await fetch(`/api/v1${path}`, request);
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new Problem(response.status, answer);
  return answer;
}

function say(node, text) {
  node.textContent = text;
  node.hidden = text === "";
}

// Calls `act` with the form's fields when it is sent; a failure is told in the form.
function onSubmit(form, act) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const failure = form.querySelector(".failure");
    const button = form.querySelector("button[type=submit]");
    say(failure, "");
    button.disabled = true;
    try {
      await act(Object.fromEntries(new FormData(form)));
    } catch (error) {
      say(failure, error.message);
    } finally {
      button.disabled = false;
    }
  });
}

// What a link carries behind its `#`. It leaves the address bar, so that nobody reads it over a shoulder.
function takeToken() {
  const token = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  return token;
}
