// What OpenAI's client for Node makes of a server: `node client.mjs BASE_URL MODEL QUESTION` prints it as JSON.
import OpenAI from "openai";

const [baseURL, model, question] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0 });
const messages = [{ role: "user", content: question }];
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
const refused = await client.chat.completions.create({ model: "nothing", messages }).catch((error) => error);

console.log(JSON.stringify({
  answers: [whole.choices[0].message.content, streamed, response.output_text, events],
  supported_by: whole.agentfix.supported_by,
  call: called.choices[0].message.tool_calls[0].function,
  refused: [refused.status, refused.code],
}));
