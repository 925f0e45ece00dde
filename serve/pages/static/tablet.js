// Codes: a hand scanner types them wherever the focus is, and the camera reads them where the browser can.

const LOOK_MS = 200;
const WIDTH_MAX = 800; // of a picture in which a code is looked for
const FORMATS = ["qr_code", "ean_13", "ean_8", "upc_a", "itf", "code_128"];

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
    const look = await reader(view.dataset.reader);
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    video.srcObject = stream;
    await video.play();
    while (view.open) {
      const found = await look(video);
      if (found) {
        view.close();
        form.elements.code.value = found;
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

// What reads a code out of a picture of the camera: the browser, or where it has no reader, ours, for QR codes alone.
async function reader(path) {
  const known = "BarcodeDetector" in window ? await BarcodeDetector.getSupportedFormats() : [];
  const formats = FORMATS.filter((each) => known.includes(each));
  if (formats.length) {
    const detector = new BarcodeDetector({ formats });
    return async (video) => (await detector.detect(video))[0]?.rawValue;
  }
  await import(path); // it makes itself known as jsQR
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  return (video) => {
    const scale = Math.min(1, WIDTH_MAX / video.videoWidth);
    const width = (canvas.width = Math.round(video.videoWidth * scale));
    const height = (canvas.height = Math.round(video.videoHeight * scale));
    if (!width || !height) return null;
    context.drawImage(video, 0, 0, width, height);
    return jsQR(context.getImageData(0, 0, width, height).data, width, height)?.data;
  };
}
