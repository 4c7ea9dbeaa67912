// Reads a BPMN document from standard input and writes it with coordinates.
import { layoutProcess } from "bpmn-auto-layout";

let xml = "";
for await (const chunk of process.stdin) xml += chunk;
process.stdout.write(await layoutProcess(xml));
