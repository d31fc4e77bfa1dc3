/** Faults that strike at a moment, rather than frame by frame: each class with a stream of its own. */
import { Dice } from './dice.js';
import { HEALED_MS, type Fault } from './plan.js';
import type { World } from './world.js';

type Strike = (world: World, dice: Dice) => void;

const channelOf = (world: World, dice: Dice): string => dice.pick(world.plan.channels).name;

const STRIKES: Partial<Record<Fault, Strike>> = {
  ephemeral: (world, dice) => world.server.ephemeral(channelOf(world, dice)),
  cut: (world, dice) =>
    world.server.closeAll(dice.pick([1006, 1006, 1000, 1001, 1011, 1013, 4408, 4429]), undefined),
  halfOpen: (world, dice) => {
    const [down, up] = dice.pick([
      [true, true],
      [true, false],
      [false, true],
    ] as const);
    for (const link of world.server.links) {
      link.losesDown ||= down;
      link.losesUp ||= up;
    }
  },
  goaway: (world, dice) => {
    for (const link of world.server.links) {
      link.down({ type: 'goaway', spreadMs: dice.between(0, 800) });
    }
    world.agenda.in(dice.between(0, 100), () => world.server.closeAll(1012));
  },
  fatalClose: (world, dice) => world.server.closeAll(dice.pick([4400, 4403])),
  unsubscribed: (world, dice) => world.server.disturb(channelOf(world, dice), 'unsubscribed'),
  ended: (world, dice) => world.server.disturb(channelOf(world, dice), 'ended'),
  freshFacts: (world, dice) => world.server.disturb(channelOf(world, dice), 'facts'),
  restart: (world, dice) =>
    world.server.closeAll(dice.pick([1012, 1006]), dice.between(0, world.plan.instances - 1)),
  restartLost: (world, dice) => {
    for (const channel of world.logs.keys()) world.replaceLog(channel, 0);
    world.server.closeAll(dice.pick([1012, 1006]));
  },
  flush: (world, dice) => world.replaceLog(channelOf(world, dice), 0),
  rollback: (world, dice) => {
    const channel = channelOf(world, dice);
    const { head } = world.log(channel).log;
    world.replaceLog(channel, Math.max(0, head - dice.between(0, 5)));
  },
  rewind: (world, dice) => {
    const channel = channelOf(world, dice);
    world.rewind(channel, dice.between(1, 5));
  },
  age: (world, dice) => world.log(channelOf(world, dice)).age(dice.between(1, 8)),
  compact: (world, dice) => world.log(channelOf(world, dice)).compact(() => dice.chance(0.4)),
  forbidden: (world, dice) => {
    const channel = channelOf(world, dice);
    world.server.desk.forbid(channel, dice.between(50, 600));
    // Otherwise nobody would notice: the live connection goes on.
    world.server.closeAll(1006);
  },
  tokenExpiry: (world, dice) => {
    world.server.validSince = world.agenda.now;
    if (dice.chance(0.5)) world.server.closeAll(4401);
  },
  freeze: (world, dice) => {
    const tab = dice.pick(world.tabs);
    tab.signal('freeze');
    tab.freeze();
    world.agenda.in(dice.between(10, 3_000), () => {
      tab.thaw();
      if (dice.chance(0.7)) tab.signal('resume');
    });
  },
  hide: (world, dice) => {
    const tab = dice.pick(world.tabs);
    tab.signal('hidden');
    world.agenda.in(dice.between(10, 2_000), () => tab.signal('visible'));
  },
  offline: (world, dice) => {
    const tab = dice.pick(world.tabs);
    tab.signal('offline');
    if (dice.chance(0.5)) world.server.closeAll(1006);
    world.agenda.in(dice.between(10, 2_000), () => tab.signal('online'));
  },
  pagehide: (world, dice) => {
    const tab = dice.pick(world.tabs);
    tab.signal('pagehide');
    if (dice.chance(0.7)) tab.freeze();
    if (dice.chance(0.3)) world.agenda.in(5, () => tab.signal(dice.pick(['online', 'offline'])));
    world.agenda.in(dice.between(10, 2_000), () => {
      tab.thaw();
      tab.signal('pageshow');
    });
  },
  reload: (world, dice) => {
    const i = dice.between(0, world.tabs.length - 1);
    world.tabs[i]?.signal('pagehide');
    world.reload(i);
  },
  crash: (world, dice) => world.reload(dice.between(0, world.tabs.length - 1)),
  storeEmptied: (world) => world.store.empty(),
  storeRolledBack: (world) => world.store.rollBack(),
  rejoin: (world, dice) => {
    const tab = dice.pick(world.tabs);
    const plan = dice.pick(world.plan.channels);
    tab.enter({ type: 'release', channel: plan.name });
    world.agenda.in(dice.between(0, 3_000), () => tab.join(plan));
  },
  close: (world, dice) => {
    const i = dice.between(0, world.tabs.length - 1);
    world.tabs[i]?.enter({ type: 'close' });
    world.agenda.in(dice.between(0, 500), () => world.reload(i));
  },
  deaf: (world, dice) => {
    const tab = dice.pick(world.tabs);
    const channel = channelOf(world, dice);
    const delivery = tab.channels.get(channel);
    if (delivery === undefined) return;
    delivery.deafen();
    world.agenda.in(dice.between(50, 2_000), () => tab.run(() => delivery.listen()));
  },
};

/** Faults that do nothing to data come often; those that do come a few times. */
const OFTEN: ReadonlySet<Fault> = new Set(['ephemeral', 'freshFacts', 'cut', 'age', 'rejoin']);

export function scheduleFaults(world: World): void {
  for (const [name, strike] of Object.entries(STRIKES)) {
    const fault = name as Fault;
    const level = world.plan.level[fault];
    if (level === 0) continue;
    const dice = new Dice(world.plan.seed).fork(`at ${fault}`);
    const times = dice.between(1, 1 + Math.round(level * (OFTEN.has(fault) ? 6 : 2)));
    for (let i = 0; i < times; i += 1) {
      world.agenda.at(dice.next() * HEALED_MS, () => {
        world.hit(fault);
        strike(world, dice);
      });
    }
  }
}
