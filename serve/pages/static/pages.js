// What pages do beside being read: they say whether the service is there, and follow what changes. All of it works
// without, by forms and links, but for what only a script can: a token behind the # of a link.

const SILENT_MS = 50_000; // the service says something more often
const AGAIN_MS = 3_000;

enter();
if (document.body.dataset.live) follow(document.body.dataset.live);

// A device is let in by a link with its token, which browsers tell nobody.
function enter() {
  const form = document.querySelector("form[data-enter]");
  if (!form || location.hash.length < 2) return;
  form.elements.token.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
  form.requestSubmit();
}

function say(isHere) {
  const place = document.querySelector(".online");
  document.body.classList.toggle("away", !isHere);
  place.textContent = isHere ? place.dataset.here : place.dataset.away;
}

function follow(path) {
  const source = new EventSource(path);
  let timer = 0;
  const again = (wait) => {
    clearTimeout(timer);
    source.close();
    say(false);
    setTimeout(() => follow(path), wait);
  };
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => again(0), SILENT_MS);
    say(true);
  };
  source.addEventListener("open", () => {
    heard();
    document.dispatchEvent(new CustomEvent("holdfast:changed")); // what happened meanwhile
  });
  source.addEventListener("beat", heard);
  source.addEventListener("changed", () => {
    heard();
    document.dispatchEvent(new CustomEvent("holdfast:changed"));
  });
  source.addEventListener("gone", () => {
    source.close();
    location.assign("/enter");
  });
  source.addEventListener("error", async () => {
    say(false);
    if (source.readyState !== EventSource.CLOSED) return; // it connects again by itself
    const answer = await fetch("/health").catch(() => null);
    if (answer?.ok && (await fetch("/admitted").catch(() => null))?.status === 401) location.assign("/enter");
    else again(AGAIN_MS);
  });
}
