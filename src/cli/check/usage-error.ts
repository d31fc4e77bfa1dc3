/** The command was asked for wrongly: it ends with status 2. */
export class UsageError extends Error {}
