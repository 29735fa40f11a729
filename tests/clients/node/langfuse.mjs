// Langfuse's JavaScript client from making a prompt to deleting it; prints what it saw as JSON.
// Address and keys come from LANGFUSE_BASE_URL, LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY, as the client documents them.

import { LangfuseClient } from "@langfuse/client";
import { LangfuseSpanProcessor } from "@langfuse/otel";
import { propagateAttributes, startActiveObservation, startObservation } from "@langfuse/tracing";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

const client = new LangfuseClient();
const name = "node/greeting";
const seen = {};

await client.prompt.create({ name, prompt: "Dear {{name}}", labels: ["production"], config: { a: 1 } });
const second = await client.prompt.create({ name, prompt: "Hello {{name}}", tags: ["node"] });
seen.second = [second.version, [...second.labels].sort()];

const text = await client.prompt.get(name);
seen.text = [text.version, text.config, text.compile({ name: "Ada" })];
seen.pinned = (await client.prompt.get(name, { version: 2 })).prompt;
seen.latest = (await client.prompt.get(name, { label: "latest" })).version;

await client.prompt.create({
  name: "node/chat",
  type: "chat",
  prompt: [
    { role: "system", content: "Answer in {{language}}." },
    { type: "placeholder", name: "history" },
  ],
  labels: ["production"],
});
const chat = await client.prompt.get("node/chat", { type: "chat" });
const history = [{ role: "user", content: "Why?" }];
seen.chat = chat.compile({ language: "French" }, { history }).map(({ role, content }) => [role, content]);

await client.prompt.update({ name, version: 2, newLabels: ["production"] });
seen.moved = (await client.prompt.get(name, { cacheTtlSeconds: 0 })).version;

const fallback = await client.prompt.get("node/nowhere", { fallback: "else {{x}}", maxRetries: 0 });
seen.fallback = [fallback.isFallback, fallback.compile({ x: "1" })];
seen.absent = await client.prompt.get("node/nowhere", { maxRetries: 0 }).then(
  () => "found",
  (error) => String(error.message ?? error),
);

await client.prompt.delete(name);
seen.deleted = (await client.api.prompts.list({ name })).data.length;

// A generation, traced with Langfuse's OpenTelemetry packages, and scores of it.
const provider = new NodeTracerProvider({ spanProcessors: [new LangfuseSpanProcessor()] });
provider.register();
const prompt = await client.prompt.get("node/chat", { type: "chat" });
await startActiveObservation("request", async () => {
  await propagateAttributes({ userId: "bob", sessionId: "node-session" }, async () => {
    const generation = startObservation(
      "answer",
      { model: "gpt-4o-mini", input: [{ role: "user", content: "Why?" }], prompt, metadata: { team: "node" } },
      { asType: "generation" },
    );
    generation.update({ output: "Because.", usageDetails: { input: 10, output: 2 } }).end();
    client.score.observation({ otelSpan: generation.otelSpan }, { name: "right", value: 1 });
    seen.trace = generation.traceId;
  });
});
await client.score.flush();
await provider.forceFlush();

console.log(JSON.stringify(seen));
