// risks.mjs MODEL.onnx < QUERIES.ndjson: what onnxruntime makes of each {query, events, length}; one risk a line. Missing values are null.
import { createInterface } from 'node:readline';
import * as ort from 'onnxruntime-node';

const session = await ort.InferenceSession.create(process.argv[2]);
const floats = (values) => Float32Array.from(values, (value) => value ?? Number.NaN);

for await (const line of createInterface({ input: process.stdin })) {
  const { query, events, length, steps, inputs } = JSON.parse(line);
  const feeds = { query: new ort.Tensor('float32', floats(query), [1, query.length]) };
  if (session.inputNames.includes('events')) {
    feeds.events = new ort.Tensor('float32', floats(events), [steps, 1, inputs]);
    feeds.lengths = new ort.Tensor('int32', Int32Array.of(length), [1]);
  }
  const { risk } = await session.run(feeds);
  process.stdout.write(`${risk.data[0]}\n`);
}
