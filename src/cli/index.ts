#!/usr/bin/env node
/** The command line: finds the command, and gives what it returns as the exit status. */
import { replay } from './replay.js';

/** @returns the exit status. */
type Command = (args: readonly string[]) => number | Promise<number>;

const COMMANDS: ReadonlyMap<string, Command> = new Map([['replay', replay]]);

const HELP = `lastseq replay FILE   what a client did and why, from what client.trace() gave

Status 0 when all went well, else 1.
`;

const [name = '', ...args] = process.argv.slice(2);

// `lastseq replay FILE | head` closes the pipe early, and has seen what it wanted.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const command = COMMANDS.get(name);
if (['help', '--help', '-h'].includes(name) || args.some((arg) => /^(--help|-h)$/.test(arg))) {
  process.stdout.write(HELP);
} else if (command === undefined) {
  process.stderr.write(name === '' ? HELP : `lastseq: there is no command ${name}\n\n${HELP}`);
  process.exitCode = 1;
} else {
  // Not `process.exit`: what is printed into a pipe may still be on its way.
  process.exitCode = await command(args);
}
