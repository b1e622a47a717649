// The steps of a matrix: what hw_mvm_control tells the tiles of its matrix in each cycle, as one word. This list is its only layout, the last
// field lowest: one side assigns the word from it, the other assigns it from the word.
//
//   row_valid, row                a row comes: its number; the bank forms its products, the code ROM reads its codes
//   pick                          a cycle later: every column selects a product
//   add, add_end                  a cycle later: every column adds it; it is the last row of its group
//   scan, step, at                totals of step `step` are to be formed: its shadows are read, and word `at` of the scale ROM
//   lift, mul, sum, sum_step      the stages of that, a cycle after one another
//   acc_valid, acc_step, acc_first   the sum joins the total of its step; it is that of the first group, which starts the total
//   run, drain_step, block        totals leave: step and block of the beat
`ifndef HW_MVM_STEPS_VH
`define HW_MVM_STEPS_VH
`define HW_MVM_STEPS \
  {block, drain_step, run, acc_first, acc_step, acc_valid, sum_step, sum, mul, lift, at, step, scan, add_end, add, pick, row, row_valid}
// Its width, from the widths of row numbers, step numbers, scale addresses and block numbers.
`define HW_MVM_STEPS_BITS(RW, SW, CW, KW) ((KW) + 4 * (SW) + (CW) + (RW) + 11)
`endif
