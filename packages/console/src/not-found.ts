import type { Asset } from "./assets.ts";

/** Says nothing of the path that was asked for, so that there is nothing to escape. */
const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Not found - Homeplane</title>
<link rel="stylesheet" href="/console/style.css">
</head>
<body>
<main class="page">
<h1>There is no such page</h1>
<p>The pages here are:</p>
<ul>
<li><a href="/">all runs</a></li>
<li>one run: <code>/v2/domain/&lt;domain&gt;/project/&lt;project&gt;/runs/&lt;run&gt;</code>, the address that
<code>flyte run</code> prints</li>
</ul>
<p>Clients (the <code>flyte</code> SDK and CLI) use this same address as their endpoint.</p>
</main>
</body>
</html>
`;

export const notFoundPage: Asset = { body: Buffer.from(html), contentType: "text/html; charset=utf-8", etag: "" };
