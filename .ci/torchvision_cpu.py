"""Let a CUDA build of torchvision be imported beside a CPU build of torch: a workaround for test environments alone.

torchvision registers shapes for two of its operators on import, and fails where its binary could not define them.
`python .ci/torchvision_cpu.py` installs a start-up hook into the running environment that defines them first. Where
torchvision is absent, or can be imported as it is, that changes nothing.
"""

import subprocess
import sys
from importlib.abc import MetaPathFinder
from importlib.util import find_spec
from pathlib import Path

SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


class DefineOperatorsFirst(MetaPathFinder):
    """Runs once, when torchvision is about to be imported, and then steps aside."""

    def find_spec(self, fullname, path=None, target=None):
        """Find nothing, but define the operators if torchvision is what is looked for."""
        if fullname == "torchvision":
            sys.meta_path.remove(self)
            import torch

            self.library = torch.library.Library("torchvision", "DEF")
            self.library.define(f"nms{SIGNATURE}")
            self.library.define(f"qnms{SIGNATURE}")
            sys.modules[__name__].keep = self.library  # the operators live as long as the library object
        return None


def install() -> None:
    """Copy this file into site-packages, with a `.pth` file that starts it in every process."""
    import sysconfig

    site = Path(sysconfig.get_path("purelib"))
    (site / "torchvision_cpu.py").write_text(Path(__file__).read_text())
    (site / "torchvision_cpu.pth").write_text("import torchvision_cpu\n")


def fails_as_it_is() -> bool:
    """Whether torchvision is there and its import fails for want of these operators."""
    if find_spec("torchvision") is None:
        return False
    tried = subprocess.run([sys.executable, "-c", "import torchvision"], capture_output=True, text=True, check=False)
    return "torchvision::nms does not exist" in tried.stderr


if __name__ != "__main__":
    sys.meta_path.insert(0, DefineOperatorsFirst())
elif fails_as_it_is():
    install()
