// vitest takes these types from a provider package; our provider is vitest-provider.mjs.
declare module 'vitest/browser' {
  export const commands: {
    /** Opens a tab of the same profile and returns its id. */
    openTab(url: string): Promise<number>;
    /** Evaluates one expression there, awaits it, and returns its JSON value. */
    runInTab(id: number, code: string): Promise<unknown>;
    closeTab(id: number): Promise<void>;
  };
}
