"""A linear model of 20 features behind FastAPI: what a team writes by hand.

It answers the same requests as Hone and logs nothing.
"""

import math

from fastapi import FastAPI
from pydantic import BaseModel

WEIGHTS = [math.cos(i) for i in range(20)]
MEAN, SCALE = 5.0, 2.9

app = FastAPI()


class Tensor(BaseModel):
    name: str
    shape: list[int]
    datatype: str
    data: list[float]


class Infer(BaseModel):
    inputs: list[Tensor]


@app.get("/v2/health/ready")
async def ready():
    return {"ready": True}


@app.post("/v2/models/bench/infer")
async def infer(request: Infer):
    row = request.inputs[0].data
    z = sum(w * (x - MEAN) / SCALE for w, x in zip(WEIGHTS, row))
    score = 1 / (1 + math.exp(-z))
    return {
        "model_name": "bench",
        "model_version": "v1",
        "outputs": [
            {"name": "score", "datatype": "FP64", "shape": [1], "data": [score]},
            {"name": "class", "datatype": "BYTES", "shape": [1], "data": ["1" if score >= 0.5 else "0"]},
        ],
    }
