"""The losses: pure functions of feature maps and pictures, each with its source.

`content` compares feature maps, `statistics` measures what of them is style and `style` compares that, `matrix_root` is
the root that one of the comparisons needs, `image` looks at the picture itself. Which function a parameter means, and
with which weight, is `objective`'s concern.

In canonical units every loss is a mean, so that a weight means the same at any size; sums, as in neural-style's total
variation, grow with the picture. All of them are computed in the type of what they are given: float32, or float64 for
tests. None overflows or becomes NaN, nor does its gradient, for features of any picture at all.
"""
