// What OpenAI's client for Node makes of a server: `node client.mjs BASE_URL MODEL QUESTION` prints it as JSON.
import OpenAI from "openai";

const [baseURL, model, question] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0 });
const messages = [{ role: "user", content: question }];
const picture = "data:image/png;base64,iVBORw0KGgo=";
const parameters = { type: "object", properties: { place: { type: "string" } } };
const tools = [{ type: "function", function: { name: "weather", parameters } }];

const whole = await client.chat.completions.create({ model, messages });
let streamed = "";
for await (const chunk of await client.chat.completions.create({ model, messages, stream: true })) {
  streamed += chunk.choices[0]?.delta?.content ?? "";
}
const response = await client.responses.create({ model, input: question });
let events = "";
for await (const event of await client.responses.create({ model, input: question, stream: true })) {
  if (event.type === "response.output_text.delta") events += event.delta;
}
const called = await client.chat.completions.create({ model, messages, tools });
const call = called.choices[0].message.tool_calls[0];
const calling = client.chat.completions.stream({
  model, tools, messages: [...messages, called.choices[0].message, { role: "tool", tool_call_id: call.id, content: "rain" }],
});
const told = await calling.finalContent();
const schema = { ...parameters, required: ["place"], additionalProperties: false };
const form = { name: "place", strict: true, schema };
const structured = await client.chat.completions.parse({
  model, messages, response_format: { type: "json_schema", json_schema: form },
});
const formed = await client.responses.parse({ model, input: question, text: { format: { type: "json_schema", ...form } } });
const looked = await client.chat.completions.create({
  model: `none/${model}`, agentfix: { kind: "text" },
  messages: [{ role: "user", content: [{ type: "text", text: "What is this?" }, { type: "image_url", image_url: { url: picture } }] }],
});
const first = await client.responses.create({ model: `none/${model}`, input: "I am Zed.", agentfix: { kind: "text" } });
const second = await client.responses.create({
  model: `none/${model}`, input: "Who am I?", previous_response_id: first.id, agentfix: { kind: "text" },
});
const refused = await client.chat.completions.create({ model: "nothing", messages }).catch((error) => error);

console.log(JSON.stringify({
  answers: [whole.choices[0].message.content, streamed, response.output_text, events],
  supported_by: whole.agentfix.supported_by,
  call: call.function,
  told,
  structured: [structured.choices[0].message.content, formed.output_text],
  looked: looked.choices[0].message.content,
  followed: [second.output_text, (await client.responses.retrieve(second.id)).output_text],
  refused: [refused.status, refused.code],
}));
