"""NiceGUI on a FastAPI app: pages, its static files, its WebSocket."""

import _log
from fastapi import FastAPI
from nicegui import app as nicegui_app
from nicegui import ui

app = FastAPI()


@app.get("/api/{number}")
async def api(number: int):
    return {"number": number}


@ui.page("/")
def home():
    ui.label("hello")
    ui.button("press", on_click=lambda: ui.notify("pressed"))


nicegui_app.on_shutdown(lambda: _log.log.info("lifespan is over"))
ui.run_with(app)
