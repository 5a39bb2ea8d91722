import { App } from './app.js';
import { askServer } from './config.js';
import { trustOwnScripts } from './trusted.js';
import { page } from './ui/page.js';

trustOwnScripts();
const app = new App();
page(app);
app.meet(await askServer());
await app.downloads.restore();
