// Show the OpenAPI document. "Try it out" sends the browser's session, and a token where one was entered.
"use strict";
const place = document.getElementById("docs");
window.SwaggerUIBundle({ url: place.dataset.spec, domNode: place, deepLinking: true, defaultModelsExpandDepth: -1, validatorUrl: null });
