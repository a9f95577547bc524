// What was wrong with the command line, so that the bench can tell it from a failure.

export class UsageError extends Error {}
