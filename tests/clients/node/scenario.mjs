// One use of a JavaScript client, named by the first argument; prints what the client saw as JSON.
// The base URL comes from OPENAI_BASE_URL, as the clients document it.

import { createOpenAI } from "@ai-sdk/openai";
import { embed, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import OpenAI from "openai";

const MODEL = "gpt-4.1-mini";
const QUESTION = "Say hello to naïve 你好 🙂, please.";
const city = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };

const provider = () => createOpenAI({ baseURL: process.env.OPENAI_BASE_URL });

async function collected(stream) {
  const seen = [];
  for await (const piece of stream) seen.push(piece);
  return seen;
}

const scenarios = {
  async chat() {
    return await new OpenAI().chat.completions.create({ model: MODEL, messages: [{ role: "user", content: QUESTION }] });
  },
  async chatStream() {
    const messages = [{ role: "user", content: QUESTION }];
    return await collected(await new OpenAI().chat.completions.create({ model: MODEL, messages, stream: true }));
  },
  async response() {
    return await new OpenAI().responses.create({ model: MODEL, input: QUESTION });
  },
  async responseStream() {
    return await collected(await new OpenAI().responses.create({ model: MODEL, input: QUESTION, stream: true }));
  },
  async embeddings() {
    return await new OpenAI().embeddings.create({ model: "text-embedding-3-small", input: "One.", dimensions: 8 });
  },
  async aiText() {
    const { text, usage } = await generateText({ model: provider()(MODEL), prompt: QUESTION });
    return { text, usage };
  },
  async aiChatStream() {
    const result = streamText({ model: provider().chat(MODEL), prompt: QUESTION });
    return { text: (await collected(result.textStream)).join(""), usage: await result.usage };
  },
  async aiTools() {
    const weather = tool({ inputSchema: jsonSchema(city), execute: async () => "18 degrees" });
    const { text, steps } = await generateText({
      model: provider()(MODEL),
      prompt: "What is the weather in Zürich?",
      tools: { weather },
      stopWhen: stepCountIs(2),
    });
    return { text, calls: steps[0].toolCalls.map(({ toolCallId, toolName, input }) => ({ toolCallId, toolName, input })) };
  },
  async aiEmbed() {
    const { embedding } = await embed({ model: provider().embedding("text-embedding-3-small"), value: "One." });
    return embedding.length;
  },
};

console.log(JSON.stringify(await scenarios[process.argv[2]]()));
