"""Let a CUDA build of torchvision be imported beside a CPU build of torch: a workaround of this test environment.

torchvision registers shapes for two of its operators on import, and fails where its binary could not define them.
`python .ci/torchvision_cpu.py` installs a start-up hook into the running environment that defines them first.
"""

import sys
from importlib.abc import MetaPathFinder
from pathlib import Path

SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


class DefineOperatorsFirst(MetaPathFinder):
    """Runs once, when torchvision is about to be imported, and then steps aside."""

    def find_spec(self, fullname, path=None, target=None):
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


if __name__ == "__main__":
    install()
else:
    sys.meta_path.insert(0, DefineOperatorsFirst())
