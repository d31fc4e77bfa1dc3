// Runs one storm in a process of its own: it needs more memory than Node takes by itself. Started with
// `fork`; the arguments are the file to run and the options.
const [, , file = '', options = '{}'] = process.argv;
const { storm } = await import(file);
process.send?.(storm(JSON.parse(options)), () => process.disconnect());
