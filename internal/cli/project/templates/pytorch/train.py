"""Fits a small network by PyTorch. Hone starts this, with HONE_RUN set to a folder of
work; HONE_RUN=that/folder python train.py does the same by hand."""

import io
import sys
from pathlib import Path

# The helper lies beside this file. Where it is installed by pip, this line can go.
sys.path.insert(0, str(Path(__file__).with_name("hone-sdk")))

import hone
import torch

run = hone.Run()
torch.manual_seed(run.schema.seed % 2**31)

# Each row becomes numbers: the numbers as distances from their means, the categories as
# one number for each frequent value. Texts are left out. The model takes it along.
rows, labels = run.rows()
encoder = hone.Encoder.fit(rows, run.schema.features)
x = torch.tensor(encoder.encode(rows))
y = torch.tensor(run.targets(labels))
weight = torch.tensor(run.weights())

# What stands under params in hone.yaml is run.params.
width = run.params.get("width", 64)
net = torch.nn.Sequential(
    torch.nn.Linear(encoder.width, width),
    torch.nn.ReLU(),
    torch.nn.Linear(width, width),
    torch.nn.ReLU(),
    torch.nn.Linear(width, run.schema.width),
)
mean, spread = 0.0, 1.0
if run.schema.task == "regression":  # A last layer that is not learned, from units of spread to values.
    mean, spread = float(y.mean()), float(y.std()) or 1.0
    last = torch.nn.Linear(1, 1).requires_grad_(False)
    last.weight.fill_(spread)
    last.bias.fill_(mean)
    net.append(last)
optimizer = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=run.params.get("learning_rate", 0.003))


def losses(out, y):
    """What each row loses: the network gives logits, or values for regression."""
    if run.schema.task == "binary":
        return torch.nn.functional.binary_cross_entropy_with_logits(out.squeeze(1), y.float(), reduction="none")
    if run.schema.task == "multiclass":
        return torch.nn.functional.cross_entropy(out, y, reduction="none")
    return ((out.squeeze(1) - y) / spread) ** 2


# An attempt that was stopped goes on where it was: Hone asks by SIGTERM, and starts the
# next attempt with what this one saved.
begin = 0
if saved := run.load_checkpoint():
    state = torch.load(io.BytesIO(saved), weights_only=True)
    begin = state["epoch"]
    net.load_state_dict(state["net"])
    optimizer.load_state_dict(state["optimizer"])

for epoch in range(begin, run.params.get("epochs", 20)):
    total = 0.0
    for batch in torch.randperm(len(x)).split(256):
        loss = (losses(net(x[batch]), y[batch]) * weight[batch]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
    run.progress(step=epoch + 1, loss=total / len(x))
    if run.stopping:
        state = io.BytesIO()
        torch.save({"epoch": epoch + 1, "net": net.state_dict(), "optimizer": optimizer.state_dict()}, state)
        run.save_checkpoint(state.getvalue())
        raise SystemExit("stopped after epoch %d" % (epoch + 1))

# Hone serves this by a process of its own, with the same Python, as TorchScript.
run.save_pytorch(net, encoder)
