/** Plain HTML: the content security policy allows no script but our own files, and none is needed. */
/** @param prefix the path under which a proxy serves us */
export const loginPage = (prefix: string, next: string, message?: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Conductor · log in</title>
<style>
  :root { color-scheme: light dark; font-family: system-ui, sans-serif; }
  body { display: grid; place-items: center; min-height: 90vh; margin: 0; }
  form { display: grid; gap: .75rem; width: min(22rem, 90vw); }
  input, button { font: inherit; padding: .6rem; }
  [role=alert] { color: #c0392b; margin: 0; }
</style>
</head>
<body>
<form method="post" action="${escape(prefix)}/session">
  <h1>Conductor</h1>
  ${message ? `<p role="alert">${escape(message)}</p>` : ''}
  <label for="key">API key</label>
  <input id="key" name="key" type="password" autocomplete="current-password" required autofocus>
  <input type="hidden" name="next" value="${escape(next)}">
  <button type="submit">Log in</button>
</form>
</body>
</html>
`;

const escape = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
