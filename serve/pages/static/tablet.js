// Codes: a hand scanner types them wherever the focus is, and the camera reads them where the browser can.

const LOOK_MS = 200;

prepare();
document.addEventListener("holdfast:shown", prepare);
document.addEventListener("keydown", (event) => {
  const place = document.getElementById("code");
  if (!place || event.ctrlKey || event.altKey || event.metaKey || event.key.length !== 1) return;
  if (event.target.closest("input, select, textarea, dialog")) return;
  if (event.key === " " && event.target.closest("button, a, summary")) return;
  event.preventDefault();
  place.focus();
  place.value += event.key; // browsers differ in whether it still goes there
});

function prepare() {
  const form = document.querySelector("form[data-scan]");
  const button = form?.querySelector("[data-camera]");
  if (!button || !navigator.mediaDevices) return;
  button.hidden = false;
  button.onclick = () => read(form);
}

async function read(form) {
  const view = document.querySelector("[data-camera-view]");
  const video = view.querySelector("video");
  const note = view.querySelector("[data-none]");
  note.textContent = "";
  view.showModal();
  let stream = null;
  const end = () => {
    for (const track of stream?.getTracks() ?? []) track.stop();
    video.srcObject = null;
  };
  view.addEventListener("close", end, { once: true });
  try {
    if (!("BarcodeDetector" in window)) throw new Error("no detector");
    const detector = new BarcodeDetector({ formats: ["qr_code", "ean_13", "ean_8", "upc_a", "itf", "code_128"] });
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    video.srcObject = stream;
    await video.play();
    while (view.open) {
      const [found] = await detector.detect(video);
      if (found) {
        view.close();
        form.elements.code.value = found.rawValue;
        form.requestSubmit();
        return;
      }
      await new Promise((done) => setTimeout(done, LOOK_MS));
    }
  } catch {
    note.textContent = note.dataset.none;
    end();
  }
}
