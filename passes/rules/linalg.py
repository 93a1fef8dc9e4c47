"""Dense factorisations and solvers, by their classical counts to the leading orders.

Source: Golub and Van Loan, Matrix Computations, 4th ed. (sections 3.1, 3.2, 4.2, 5.2, 7.5, 8.3, 8.6), and LAPACK Working
Note 41. For a batch of n × n matrices with right-hand sides n × k; thirds are rounded down.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import sympy

from fxviz.analysis.ops import Operators
from fxviz.passes.rules.cost import Cost, numel, shape

if TYPE_CHECKING:
    from fxviz.ir import Dim, Kernel

__all__ = ["operators"]

operators = Operators("matrix")


def _batch(kernel: Kernel, index: int = 0) -> tuple[Dim, Dim, Dim]:
    """Return how many matrices, and their rows and columns."""
    *leading, rows, columns = shape(kernel.inputs[index])
    return math.prod(leading), rows, columns


@operators("aten.linalg_cholesky_ex", "aten.linalg_cholesky", "aten.cholesky")
def _cholesky(kernel: Kernel) -> Cost:
    """n³ / 3."""
    batch, n, _ = _batch(kernel)
    return Cost(pointwise=batch * (n**3 // 3))


@operators(
    "aten.linalg_lu_factor_ex", "aten.linalg_lu_factor", "aten.linalg_lu", "aten._linalg_det", "aten._linalg_slogdet"
)
def _lu(kernel: Kernel) -> Cost:
    """M ≥ n by Gaussian elimination with pivots: n² · (m − n / 3), that is 2 · n³ / 3 when square."""
    batch, m, n = _batch(kernel)
    return Cost(pointwise=batch * (n**2 * (3 * m - n) // 3))


@operators("aten.linalg_inv_ex", "aten.inverse", "aten.linalg_inv")
def _inverse(kernel: Kernel) -> Cost:
    """2 · n³."""
    batch, n, _ = _batch(kernel)
    return Cost(pointwise=2 * batch * n**3)


@operators("aten.cholesky_inverse")
def _inverse_of_factored(kernel: Kernel) -> Cost:
    """``A⁻¹ = L⁻ᵀ L⁻¹``: n³ / 3 for L⁻¹ and n³ / 3 for the product, together 2 · n³ / 3 (LAPACK's xPOTRI)."""
    batch, n, _ = _batch(kernel)
    return Cost(pointwise=batch * (2 * n**3 // 3))


@operators("aten._linalg_solve_ex", "aten.linalg_solve_ex")
def _solve(kernel: Kernel) -> Cost:
    """2 · n³ / 3 for the factors, 2 · n² for each right-hand side."""
    batch, n, _ = _batch(kernel)
    return Cost(pointwise=batch * (2 * n**3 // 3) + 2 * n * numel(kernel.inputs[1]))


@operators("aten.linalg_lu_solve", "aten.cholesky_solve", "aten._cholesky_solve_helper")
def _solve_factored(kernel: Kernel) -> Cost:
    """Two triangular solves: 2 · n² for each right-hand side."""
    solution = kernel.outputs[0]
    return Cost(pointwise=2 * shape(solution)[-2] * numel(solution))


@operators("aten.linalg_solve_triangular", "aten.triangular_solve")
def _solve_triangular(kernel: Kernel) -> Cost:
    """n² for each right-hand side; n is the side that the triangle has."""
    solution = kernel.outputs[0]
    side = -1 if kernel.attributes.get("left") is False else -2
    return Cost(pointwise=shape(solution)[side] * numel(solution))


@operators("aten.linalg_qr", "aten.geqrf")
def _qr(kernel: Kernel) -> Cost:
    """M ≥ n by Householder: 2 · n² · (m − n / 3) for R, as much again for Q."""
    batch, m, n = _batch(kernel)
    both = 1 if kernel.op.startswith("aten.geqrf") or kernel.attributes.get("mode") == "r" else 2
    return Cost(pointwise=both * batch * (2 * n**2 * (3 * m - n) // 3))


@operators("aten._linalg_eigh", "aten.linalg_eigh")
def _eigh(kernel: Kernel) -> Cost:
    """Symmetric eigenproblem: 4 · n³ / 3 for the values, 9 · n³ with the vectors."""
    batch, n, _ = _batch(kernel)
    return Cost(pointwise=batch * (9 * n**3 if kernel.attributes.get("compute_v", True) else 4 * n**3 // 3))


@operators("aten.linalg_eig")
def _eig(kernel: Kernel) -> Cost:
    """General eigenproblem with vectors by the QR algorithm: 25 · n³."""
    batch, n, _ = _batch(kernel)
    return Cost(pointwise=25 * batch * n**3)


@operators("aten._linalg_eigvals", "aten.linalg_eigvals")
def _eigvals(kernel: Kernel) -> Cost:
    """General eigenvalues alone by the QR algorithm: 10 · n³."""
    batch, n, _ = _batch(kernel)
    return Cost(pointwise=10 * batch * n**3)


@operators("aten._linalg_svd", "aten.linalg_svd")
def _svd(kernel: Kernel) -> Cost:
    """M ≥ n by Golub-Reinsch: 4 · m · n² − 4 · n³ / 3 for the values, 14 · m · n² + 8 · n³ with thin vectors."""
    batch, rows, columns = _batch(kernel)
    static = isinstance(rows, int) and isinstance(columns, int)
    m, n = (max(rows, columns), min(rows, columns)) if static else (sympy.Max(rows, columns), sympy.Min(rows, columns))
    values, thin = 4 * m * n**2 - 4 * n**3 // 3, 14 * m * n**2 + 8 * n**3
    return Cost(pointwise=batch * (thin if kernel.attributes.get("compute_uv", True) else values))
