import { App } from './app.js';
import { askServer } from './config.js';
import { watchPermissions } from './local-network.js';
import { trustOwnScripts } from './trusted.js';
import { page } from './ui/page.js';

trustOwnScripts();
void watchPermissions();
const app = new App();
page(app);
app.meet(await askServer());
await app.downloads.restore();
