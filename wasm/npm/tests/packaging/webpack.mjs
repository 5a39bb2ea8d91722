// What `npx webpack` does, without the packages that only read its command line.
import webpack from 'webpack';

webpack({ context: process.cwd(), mode: 'production' }, (error, stats) => {
  if (error ?? stats.hasErrors()) throw error ?? new Error(stats.toString('errors-only'));
});
