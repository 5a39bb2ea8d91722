/** Does what the page's address asks for, and tells the server what came of it. */
export async function perform(work) {
  const task = JSON.parse(decodeURIComponent(location.hash.slice(1)));
  const result = await work(task).catch((error) => ({ error: String(error) }));
  if (result) await fetch('/mail/result', { method: 'POST', body: JSON.stringify(result) });
}
