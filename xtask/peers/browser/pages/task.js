/** Time for the browser to have started, with all that it does by itself. */
const REST_MILLIS = 2_000;

/** Does what the page's address asks for, and tells the server what came of it. */
export async function perform(work) {
  await new Promise((resolve) => setTimeout(resolve, REST_MILLIS));
  const task = JSON.parse(decodeURIComponent(location.hash.slice(1)));
  const result = await work(task).catch((error) => ({ error: String(error) }));
  if (result) await fetch('/mail/result', { method: 'POST', body: JSON.stringify(result) });
}
