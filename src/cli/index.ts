#!/usr/bin/env node
/** The command line: finds the command, and gives what it returns as the exit status. */
import { check } from './check/index.js';
import { replay } from './replay.js';

/** @returns the exit status. */
type Command = (args: readonly string[]) => number | Promise<number>;

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['check', check],
  ['replay', replay],
]);

const HELP = `lastseq replay FILE   what a client did and why, from what client.trace() gave

lastseq check --url URL [flags]
                      whether a server keeps the rules that clients rely on

  --url URL           WebSocket address; again for each further instance
  --recover URL       recovery call, for all instances or once for each; without: over the socket
  --channel NAME      what is subscribed to and published into; default: a new name
  --send PATH         a sending path, with {marker} and {channel} filled in; again for each further one:
                        publish                 a publish frame, over each URL
                        'ws TEXT'               TEXT as a WebSocket message, over each URL
                        'POST URL BODY'         a request; any method
                        'sh COMMAND'            a shell command
  --token TOKEN       shown as clients do; without it, 401 and 403 are not checked
  --stranger-token T  a good token of somebody who may not read the channel
  --origin ORIGIN     of the pages that clients run in: checks CORS
  --overflow N        publishes N messages, more than the log keeps
  --restart COMMAND   restarts the server
  --watch SECONDS     without --send: listens to what others publish
  --connections N     that listen at each URL; default 2
  --timeout SECONDS   how long the server may be silent; default 5
  --numbering NAME, --field OURS=THEIRS, --query OURS=THEIRS, --messages TYPE,
  --joined TYPE, --heads TYPE, --one-channel
                      a server that sends JSON of its own: the options of mappedDialect
  --config FILE       the same as JSON, or as a module that may hold functions and a dialect
  --json              for machines

Status 0 when all went well, 1 when something did not, 2 when check was asked for wrongly.
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
