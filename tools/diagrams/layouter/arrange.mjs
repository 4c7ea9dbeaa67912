// Reads a list of ELK graphs from standard input and writes them with coordinates; one that fails becomes null.
import ELK from "elkjs/lib/elk.bundled.js";

let text = "";
for await (const chunk of process.stdin) text += chunk;
const elk = new ELK();
const done = [];
for (const graph of JSON.parse(text)) {
  try {
    done.push(await elk.layout(graph));
  } catch (error) {
    process.stderr.write(`${error}\n`);
    done.push(null);
  }
}
process.stdout.write(JSON.stringify(done));
