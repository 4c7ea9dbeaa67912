// The benchmark's diagram on bpmn-engine, a round at a time: reads {"mode", "cases", "source"} lines, writes results.
//
// live: every instance stays in memory, its state is taken and written as JSON after each completion.
// recover: each completion starts from that JSON: recover, resume, signal, take the state, stop.
import { EventEmitter } from 'node:events';
import { createInterface } from 'node:readline';
import * as elements from 'bpmn-elements';
import { Engine } from 'bpmn-engine';
import BpmnModdle from 'bpmn-moddle';
import serializer, { TypeResolver } from 'moddle-context-serializer';

const NOTE = '现场已恢复，达到结案条件。';
const DECISIONS = { assign: 'assign', handle: 'done', feedback: 'complete', check: 'pass', close: 'close' };
const REWORK_EVERY = 4;

const LEADS = [
  [(c) => c.urgent, 'EMERGENCY', 'high'],
  [(c) => !c.urgent && c.full_code === '0102', 'STREET1', 'usual'],
  [(c) => !c.urgent && ['0301', '0302'].includes(c.full_code), 'SANITATION', 'usual'],
  [() => true, 'MUNICIPAL', 'usual'],
];

const services = {
  route(scope, next) {
    const { variables } = this.environment;
    const [, lead, priority] = LEADS.find(([fits]) => fits(variables));
    variables.proposal = { lead, priority };
    next();
  },
  tell(scope, next) {
    next();
  },
};

const reworked = new Set();

function answer(element, number) {
  if (element === 'check' && number % REWORK_EVERY === REWORK_EVERY - 1 && !reworked.has(number)) {
    reworked.add(number);
    return { decision: 'rework', note: NOTE };
  }
  return { decision: DECISIONS[element] ?? 'ok', note: NOTE };
}

/** Listen for the open user task of an engine; `open` is it, none once the process has ended. */
function watch(instance) {
  instance.listener = new EventEmitter();
  instance.listener.on('activity.wait', (api) => {
    if (api.type === 'bpmn:UserTask') instance.open = api;
  });
}

/** The diagram parsed once, as a careful user of the engine does. */
async function parse(source) {
  const context = await new BpmnModdle().fromXML(source);
  return serializer(context, TypeResolver(elements));
}

async function start(sourceContext) {
  const instance = {};
  watch(instance);
  instance.engine = new Engine({ name: 'bench', sourceContext, services, variables: { urgent: false, full_code: '0101' } });
  await instance.engine.execute({ listener: instance.listener });
  instance.state = JSON.stringify(await instance.engine.getState());
  return instance;
}

async function complete(instance, number) {
  const { open } = instance;
  instance.open = null;
  const answers = answer(open.id, number);
  Object.assign(open.environment.variables, answers);
  open.signal(answers);
  // Everything up to the next user task runs within the signal, unless a script yields; then wait for it.
  for (let turns = 0; instance.open === null && instance.engine.state === 'running' && turns < 1000; turns++) {
    await new Promise(setImmediate);
  }
  instance.state = JSON.stringify(await instance.engine.getState());
}

async function recovered(state) {
  const instance = {};
  watch(instance);
  instance.engine = new Engine({ name: 'bench', services }).recover(JSON.parse(state));
  await instance.engine.resume({ listener: instance.listener });
  return instance;
}

async function play(mode, cases, source) {
  reworked.clear();
  const context = await parse(source);
  const completions = [];
  const bytes = [];
  const used = process.cpuUsage();
  const began = performance.now();
  let live = [];
  for (let number = 0; number < cases; number++) {
    const instance = await start(context);
    if (mode === 'recover') await instance.engine.stop();
    live.push([number, instance]);
  }
  while (live.length) {
    const moved = [];
    for (const [number, kept] of live) {
      const before = performance.now();
      const instance = mode === 'recover' ? await recovered(kept.state) : kept;
      await complete(instance, number);
      const running = instance.open !== null && instance.engine.state === 'running';
      if (mode === 'recover' && running) await instance.engine.stop();
      completions.push((performance.now() - before) / 1000);
      bytes.push(instance.state.length);
      if (running) moved.push([number, instance]);
    }
    live = moved;
  }
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(used);
  return { cases, seconds, completions, bytes, processor: (user + system) / 1e6 };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { mode, cases, source } = JSON.parse(line);
  try {
    process.stdout.write(`${JSON.stringify(await play(mode, cases, source))}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: String(error?.stack ?? error) })}\n`);
  }
}
